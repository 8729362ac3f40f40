package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
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

const dimensions = 64

// embed gives each text a vector of its own, from its hash.
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
		vector := make([]float64, dimensions)
		sum := sha256.Sum256([]byte(text))
		for j := range vector {
			vector[j] = (float64(sum[j%len(sum)]) + float64(j)/dimensions - 128) / 128
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": vector})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"object": "list", "model": request.Model,
		"data": data, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens}})
}
