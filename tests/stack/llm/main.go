// An OpenAI-compatible vendor on the internet: chat completions (SSE and blocking), embeddings
// and rerank over TLS 1.3. Its answers depend on the question's hash alone.
package main

import (
	"crypto/tls"
	"encoding/json"
	"flag"
	"log"
	"net/http"
	"strings"
	"time"
)

type vendor struct {
	apiKey string
	delay  time.Duration
	pace   time.Duration
	short  bool
}

type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

type chatRequest struct {
	Model    string    `json:"model"`
	Stream   bool      `json:"stream"`
	Messages []message `json:"messages"`
	Tools    []struct {
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	} `json:"tools"`
}

// asked is the user's last message.
func (r *chatRequest) asked() string {
	for i := len(r.Messages) - 1; i >= 0; i-- {
		if r.Messages[i].Role == "user" {
			return r.Messages[i].Content
		}
	}
	return r.Messages[len(r.Messages)-1].Content
}

// wantsTool says whether the model's turn is to ask for one: when it is given any and none has
// answered yet.
func (r *chatRequest) wantsTool() bool {
	return len(r.Tools) > 0 && r.Messages[len(r.Messages)-1].Role != "tool"
}

func (v *vendor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ") != v.apiKey {
		http.Error(w, `{"error":{"message":"bad key","code":"invalid_api_key"}}`, 401)
		return
	}
	switch r.URL.Path {
	case "/v1/chat/completions":
		v.chat(w, r)
	case "/v1/embeddings":
		embed(w, r)
	case "/v1/rerank":
		rerank(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (v *vendor) chat(w http.ResponseWriter, r *http.Request) {
	var request chatRequest
	err := json.NewDecoder(r.Body).Decode(&request)
	if err != nil || len(request.Messages) == 0 {
		http.Error(w, `{"error":{"message":"bad body"}}`, 400)
		return
	}
	answer := answerTo(request.asked(), v.short)
	time.Sleep(v.delay)
	if request.Stream && request.wantsTool() {
		v.streamToolCall(w, request)
		return
	}
	if request.Stream {
		v.stream(w, request, answer)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{
		"id": "chatcmpl-" + digest(answer)[:24], "object": "chat.completion",
		"created": time.Now().Unix(), "model": request.Model,
		"choices": []any{map[string]any{"index": 0, "finish_reason": "stop",
			"message": message{"assistant", answer}}},
		"usage": usageOf(request, answer),
	})
}

// firstPieces come together, as they did in the captures; the rest follow one by one.
const firstPieces = 3

// events gives a function that writes one event of a stream, not yet flushed.
func events(w http.ResponseWriter, request chatRequest, seed string) func(delta map[string]any, finish, usage any) {
	w.Header().Set("Content-Type", "text/event-stream")
	id, created := "chatcmpl-"+digest(seed)[:24], time.Now().Unix()
	return func(delta map[string]any, finish, usage any) {
		event, _ := json.Marshal(map[string]any{
			"id": id, "object": "chat.completion.chunk", "created": created,
			"model": request.Model, "usage": usage,
			"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
		})
		_, _ = w.Write(append(append([]byte("data: "), event...), '\n', '\n'))
	}
}

func finish(w http.ResponseWriter) {
	w.(http.Flusher).Flush()
	_, _ = w.Write([]byte("data: [DONE]\n\n"))
}

func (v *vendor) stream(w http.ResponseWriter, request chatRequest, answer string) {
	send := events(w, request, answer)
	for i, piece := range pieces(answer) {
		if i >= firstPieces {
			time.Sleep(v.pace)
		}
		send(map[string]any{"content": piece}, nil, nil)
		if i >= firstPieces-1 {
			w.(http.Flusher).Flush()
		}
	}
	time.Sleep(v.pace)
	send(map[string]any{}, "stop", usageOf(request, answer))
	finish(w)
}

// streamToolCall asks for the first tool, with the opening of the question as its argument.
func (v *vendor) streamToolCall(w http.ResponseWriter, request chatRequest) {
	question := []rune(request.asked())
	if len(question) > toolArgumentRunes {
		question = question[:toolArgumentRunes]
	}
	arguments, _ := json.Marshal(map[string]string{"query": string(question)})
	send := events(w, request, request.asked())
	send(map[string]any{"role": "assistant", "content": nil, "tool_calls": []any{map[string]any{
		"index": 0, "id": "call_" + digest(request.asked())[:24], "type": "function",
		"function": map[string]any{"name": request.Tools[0].Function.Name,
			"arguments": string(arguments)}}}}, nil, nil)
	send(map[string]any{}, "tool_calls", usageOf(request, ""))
	finish(w)
}

const toolArgumentRunes = 20

func main() {
	listen := flag.String("listen", ":443", "address")
	cert := flag.String("cert", "", "certificate chain")
	key := flag.String("key", "", "private key")
	apiKey := flag.String("api-key", "", "the only key that is accepted")
	delay := flag.Int("delay-ms", 40, "before the first token")
	pace := flag.Int("pace-ms", 20, "between tokens")
	short := flag.Bool("short", false, "answer in the captures' words, without the unique part")
	flag.Parse()
	v := &vendor{apiKey: *apiKey, short: *short,
		delay: time.Duration(*delay) * time.Millisecond,
		pace:  time.Duration(*pace) * time.Millisecond}
	server := &http.Server{Addr: *listen, Handler: v,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS13, NextProtos: []string{"http/1.1"}}}
	log.Fatal(server.ListenAndServeTLS(*cert, *key))
}
