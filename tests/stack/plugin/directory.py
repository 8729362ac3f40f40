"""A tool: looks a question up, and gives a text and a JSON object of its own making."""
import hashlib

# Of a room's name; 16 of each: one hex digit picks one.
FIRST = "amber birch cedar delta ember fjord grove haven iris jade koala lotus maple north opal pine".split()
SECOND = "alcove bridge cellar dome estuary forge gallery hall island jetty knoll lodge mill nook oasis pier".split()


def invoke(data: dict):
    """The result depends on the query's hash alone, and does not repeat it."""
    digest = hashlib.sha256(data["tool_parameters"]["query"].encode()).hexdigest()
    rooms = [f"{FIRST[int(a, 16)]} {SECOND[int(b, 16)]}"
             for a, b in zip(digest[:16:2], digest[1:16:2], strict=True)]
    yield {"type": "text", "meta": None, "message": {
        "text": f"The directory lists these rooms for it: {', '.join(rooms)}; the desk of the "
                f"“{rooms[0]}” answers at extension {int(digest[16:20], 16)}."}}
    yield {"type": "json", "meta": None, "message": {"json_object": {
        "owner": f"the keeper of the {rooms[-1]} & the {rooms[-2]}", "floor": int(digest[20], 16),
        "note": f"鍵は「{rooms[1]}」の受付にあります（{digest[24:40]}）"}}}
