# SPDX-License-Identifier: Apache-2.0
"""Questions as people ask them: templates of long and short openings, and what they are about."""
import itertools

ABOUT = {
    "en": ("the travel policy for night trains", "our parental leave rules", "the quarterly sales forecast for Kyushu",
           "a memory leak in the billing service", "the new expense tool", "GDPR requests from former customers",
           "pruning an old apple tree in late winter", "the outage of 14 March", "a lambda that times out after 15 minutes",
           "the onboarding checklist for contractors", "an index on messages.conversation_id", "our vendor's price increase",
           "quantum computing for new employees", "a wedding speech for my sister", "the fire drill in building 3",
           "tomorrow's board meeting", "Kubernetes network policies", "the difference between TCP and QUIC"),
    "ja": ("夜行列車の出張規程", "育児休業の申請期限", "九州地区の四半期売上予測", "請求サービスのメモリリーク", "新しい経費精算ツール",
           "元顧客からの個人情報開示請求", "古いりんごの木の冬の剪定", "三月十四日の障害", "十五分で止まるバッチ処理", "業務委託者の受け入れ手順",
           "会話テーブルの索引の貼り方", "取引先からの値上げ通知", "新入社員向けの量子計算の説明", "妹の結婚式の祝辞", "三号館の避難訓練",
           "明日の取締役会の議題", "クラスタ内の通信制限", "再送制御の違い"),
}
TEMPLATES = {
    "en": ("Tell me about {}.", "How do I deal with {}? Please answer in three short points.", "Summarise {} for someone who has never heard of it.",
           "Could you write a polite mail to my manager about {}?", "I have been asked to explain {} at next week's team meeting. What should I say first?",
           "Please act as an experienced consultant and answer in a friendly tone, without any jargon, using at most two hundred words: what do I "
           "need to know about {}?",
           "You are a helpful assistant of our company. Use only the documents below to answer, and say that you do not know when they do not "
           "hold the answer. Question: {}", "What changed in {} since last year, and who decided it?", "Why is {} so expensive?",
           "Make a table with the advantages and disadvantages of {}, and recommend one option at the end."),
    "ja": ("{}について教えてください。", "{}について、三つの要点に分けて説明してください。", "{}を、初めて聞く人にも分かるように要約してください。",
           "{}に関して、上司に送る丁寧なメールを書いてください。", "来週の社内勉強会で{}を説明する予定です。最初に何を話すのが一番分かりやすいでしょうか？",
           "あなたは経験豊富なコンサルタントです。専門用語を使わず、親しみやすい口調で、二百字以内で答えてください。{}について知っておくべきことは何ですか？",
           "あなたは当社の社内アシスタントです。以下の文書だけを使って回答し、文書に答えがない場合は分からないと答えてください。質問：{}",
           "昨年から{}の何が変わり、誰が決めましたか。", "なぜ{}はこんなに費用がかかるのですか。", "{}の長所と短所を表にまとめ、最後に一つ推薦してください。"),
}


def questions():
    """(template, subject, text); subjects go with numbers, so that no two are the same in both languages."""
    for lang in ("en", "ja"):
        for (t, template), (a, about) in itertools.product(enumerate(TEMPLATES[lang]), enumerate(ABOUT[lang])):
            yield f"{lang}{t}", f"{lang}{a}", template.format(about)
