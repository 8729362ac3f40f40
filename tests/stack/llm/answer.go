package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"
)

const pieceRunes = 8

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func isJapanese(text string) bool {
	for _, r := range text {
		if unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han) {
			return true
		}
	}
	return false
}

// Syllables that make up words which no question holds. 16 of each: one hex digit picks one.
var latin = strings.Fields("ba ke li mo nu pa re si to vu za fe gi ho ju wy")
var kana = strings.Fields("カ セ チ ヌ ホ マ ミ ヨ リ ル ワ ガ ゼ ド ビ ポ")

// keywords spells 128 bits of the hash in words, so that two answers share no long run: the
// sentences around them are the same in all.
func keywords(hash string, syllables []string, separator string) string {
	var words []string
	for i := 0; i+4 <= 32; i += 4 {
		word := ""
		for _, digit := range hash[i : i+4] {
			word += syllables[strings.IndexRune("0123456789abcdef", digit)]
		}
		words = append(words, word)
	}
	return strings.Join(words, separator)
}

// answerTo never repeats the question, only its hash.
func answerTo(question string, short bool) string {
	hash := digest(question)
	if strings.HasPrefix(question, "You are asked to generate a concise chat title") {
		return fmt.Sprintf(`{"Language Type": "mixed", "Your Reasoning": "stub", `+
			`"Your Output": "スタブの題名 %s"}`, hash[:8])
	}
	if isJapanese(question) {
		answer := "スタブ応答です（" + hash[:8] + "）。ご質問の要点を三つに整理してお答えします。" +
			"一つ目は準備、二つ目は実行、三つ目は確認です。"
		if short {
			return answer
		}
		return answer + "合言葉は「" + keywords(hash[8:], kana, "・") + "」です。"
	}
	answer := "This is the stub's reply (" + hash[:8] + "). I will answer in three parts: " +
		"prepare, execute and \"verify\" — it's simple."
	if short {
		return answer
	}
	return answer + " The watchwords are <" + keywords(hash[8:], latin, " ") + "> & no more."
}

func pieces(text string) []string {
	var out []string
	runes := []rune(text)
	for len(runes) > pieceRunes {
		out = append(out, string(runes[:pieceRunes]))
		runes = runes[pieceRunes:]
	}
	return append(out, string(runes))
}

func usageOf(request chatRequest, answer string) map[string]int {
	prompt := 0
	for _, m := range request.Messages {
		prompt += utf8.RuneCountInString(m.Content)
	}
	completion := utf8.RuneCountInString(answer) / 2
	return map[string]int{"prompt_tokens": prompt, "completion_tokens": completion,
		"total_tokens": prompt + completion}
}

const dimensions = 256

// grams are the threes of runes of a text, letters and digits only: what alike texts share.
func grams(text string) []string {
	var kept []rune
	for _, r := range strings.ToLower(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			kept = append(kept, r)
		}
	}
	var out []string
	for i := 0; i+3 <= len(kept); i++ {
		out = append(out, string(kept[i:i+3]))
	}
	return out
}

// vectorOf gives texts that share words vectors that are near each other, and each text a vector
// of its own: its hash adds a little to every component.
func vectorOf(text string) []float64 {
	vector := make([]float64, dimensions)
	for _, gram := range grams(text) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(gram))
		vector[h.Sum32()%dimensions]++
	}
	sum := sha256.Sum256([]byte(text))
	for j := range vector {
		vector[j] += float64(sum[j%len(sum)]^byte(j))/512 + 0.001
	}
	return vector
}

// similarity of two vectors that have no component below zero.
func similarity(a, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += a[i] * b[i]
		aa += a[i] * a[i]
		bb += b[i] * b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

func reply(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func embed(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model string `json:"model"`
		Input any    `json:"input"`
	}
	if json.NewDecoder(r.Body).Decode(&request) != nil {
		http.Error(w, `{"error":{"message":"bad body"}}`, 400)
		return
	}
	inputs, isList := request.Input.([]any)
	if !isList {
		inputs = []any{request.Input}
	}
	data, tokens := []any{}, 0
	for i, input := range inputs {
		text := fmt.Sprint(input)
		tokens += utf8.RuneCountInString(text)
		data = append(data, map[string]any{"object": "embedding", "index": i,
			"embedding": vectorOf(text)})
	}
	reply(w, map[string]any{"object": "list", "model": request.Model, "data": data,
		"usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}

// rerank orders the documents by their nearness to the query and gives their texts back.
func rerank(w http.ResponseWriter, r *http.Request) {
	var request struct {
		Model     string   `json:"model"`
		Query     string   `json:"query"`
		Documents []string `json:"documents"`
		TopN      int      `json:"top_n"`
	}
	if json.NewDecoder(r.Body).Decode(&request) != nil {
		http.Error(w, `{"error":{"message":"bad body"}}`, 400)
		return
	}
	query := vectorOf(request.Query)
	results := []map[string]any{}
	for i, document := range request.Documents {
		results = append(results, map[string]any{"index": i,
			"relevance_score": similarity(query, vectorOf(document)),
			"document":        map[string]string{"text": document}})
	}
	sort.SliceStable(results, func(a, b int) bool {
		return results[a]["relevance_score"].(float64) > results[b]["relevance_score"].(float64)
	})
	if request.TopN > 0 && request.TopN < len(results) {
		results = results[:request.TopN]
	}
	reply(w, map[string]any{"model": request.Model, "results": results})
}
