package main

import (
	"encoding/json"
	"io"
	"log"
	"net/http"
)

// answer is the envelope of every reply; a stream is one `data: {…}` line for each.
type answer struct {
	Code    int             `json:"code"`
	Message string          `json:"message"`
	Data    json.RawMessage `json:"data"`
}

// What a plugin gives is decoded and encoded again, which gives it this order of fields and Go's
// \u003c, \u003e and \u0026.
type chunk struct {
	Model             string          `json:"model"`
	SystemFingerprint string          `json:"system_fingerprint"`
	Delta             delta           `json:"delta"`
	PromptMessages    []promptMessage `json:"prompt_messages"`
}

type delta struct {
	Index        int           `json:"index"`
	Message      promptMessage `json:"message"`
	Usage        *usage        `json:"usage"`
	FinishReason *string       `json:"finish_reason"`
}

type promptMessage struct {
	Role       string `json:"role"`
	Content    string `json:"content"`
	Name       string `json:"name"`
	ToolCalls  []any  `json:"tool_calls"`
	ToolCallID string `json:"tool_call_id"`
}

type embeddingResult struct {
	Model      string      `json:"model"`
	Embeddings [][]float64 `json:"embeddings"`
	Usage      any         `json:"usage"`
}

type rerankResult struct {
	Model string           `json:"model"`
	Docs  []rerankDocument `json:"docs"`
}

type rerankDocument struct {
	Index int     `json:"index"`
	Text  string  `json:"text"`
	Score float64 `json:"score"`
}

// What a tool gives: text, or a JSON object whose keys a map sorts.
type toolMessage struct {
	Type    string         `json:"type"`
	Message map[string]any `json:"message"`
	Meta    map[string]any `json:"meta"`
}

// invocation is what a path asks of the plugin, and how its answers are encoded again.
type invocation struct {
	kind, action string
	result       func() any
}

var invocations = map[string]invocation{
	"dispatch/llm/invoke":            {"model", "invoke_llm", func() any { return &chunk{} }},
	"dispatch/text_embedding/invoke": {"model", "invoke_text_embedding", func() any { return &embeddingResult{} }},
	"dispatch/rerank/invoke":         {"model", "invoke_rerank", func() any { return &rerankResult{} }},
	"dispatch/tool/invoke":           {"tool", "invoke_tool", func() any { return &toolMessage{} }},
}

// call is the body of an invocation. Those of models carry no id of the chat.
type call struct {
	UserID         string         `json:"user_id"`
	ConversationID *string        `json:"conversation_id"`
	MessageID      *string        `json:"message_id"`
	AppID          *string        `json:"app_id"`
	Data           map[string]any `json:"data"`
}

type usage struct {
	PromptTokens        int     `json:"prompt_tokens"`
	PromptUnitPrice     string  `json:"prompt_unit_price"`
	PromptPriceUnit     string  `json:"prompt_price_unit"`
	PromptPrice         string  `json:"prompt_price"`
	CompletionTokens    int     `json:"completion_tokens"`
	CompletionUnitPrice string  `json:"completion_unit_price"`
	CompletionPriceUnit string  `json:"completion_price_unit"`
	CompletionPrice     string  `json:"completion_price"`
	TotalTokens         int     `json:"total_tokens"`
	TotalPrice          string  `json:"total_price"`
	Currency            string  `json:"currency"`
	Latency             float64 `json:"latency"`
}

// invoke turns one HTTP call into one session of the plugin, and its answers into a stream.
func (s *server) invoke(w http.ResponseWriter, r *http.Request, tenant string, what invocation) {
	body, err := io.ReadAll(r.Body)
	var c call
	if err == nil {
		err = json.Unmarshal(body, &c)
	}
	if err != nil || c.Data == nil {
		http.Error(w, `{"code":-400,"message":"bad request"}`, http.StatusBadRequest)
		return
	}
	c.Data["type"], c.Data["action"], c.Data["user_id"] = what.kind, what.action, c.UserID
	session := newSessionID()
	if err := s.state.openSession(r.Context(), session, tenant, c.UserID, what); err != nil {
		log.Printf("session: %v", err)
		http.Error(w, `{"code":-500,"message":"session"}`, http.StatusInternalServerError)
		return
	}
	replies, err := s.plugin.start(session, &c)
	defer s.plugin.forget(session)
	if err != nil {
		log.Printf("plugin: %v", err)
		http.Error(w, `{"code":-500,"message":"plugin"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for {
		select {
		case <-r.Context().Done():
			s.state.closeSession(session)
			return
		case reply := <-replies:
			if !relay(w, reply, what.result()) {
				s.state.closeSession(session)
				return
			}
		}
	}
}

// relay writes one reply; false says that it was the last one.
func relay(w http.ResponseWriter, reply sessionReply, result any) bool {
	out := answer{Message: "success"}
	var err error
	switch reply.Type {
	case "end":
		return false
	case "stream":
		if err = json.Unmarshal(reply.Data, result); err == nil {
			out.Data, err = json.Marshal(result)
		}
	default:
		out.Code, out.Message = -500, "plugin error"
	}
	if err != nil {
		out = answer{Code: -500, Message: err.Error()}
	}
	line, _ := json.Marshal(out)
	_, _ = w.Write(append(append([]byte("data: "), line...), '\n', '\n'))
	w.(http.Flusher).Flush()
	return out.Code == 0
}
