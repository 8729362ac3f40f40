// The plugin daemon's double: HTTP on :5002, one plugin process behind three pipes.
package main

import (
	"encoding/json"
	"log"
	"net/http"
	"os"
	"strings"
)

func env(name, fallback string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return fallback
}

type server struct {
	apiKey string
	models json.RawMessage
	plugin *plugin
	state  *state
}

// All of Dify's calls carry X-Api-Key and name the workspace in the path.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if r.URL.Path == "/health/check" {
		s.health(w)
		return
	}
	if r.Header.Get("X-Api-Key") != s.apiKey {
		http.Error(w, `{"code":-401,"message":"unauthorized"}`, http.StatusUnauthorized)
		return
	}
	if len(parts) < 4 || parts[0] != "plugin" {
		http.NotFound(w, r)
		return
	}
	tenant := parts[1]
	switch what := strings.Join(parts[2:], "/"); {
	case what == "management/models" && r.Method == http.MethodGet:
		s.listModels(w, r, tenant)
	case invocations[what].action != "" && r.Method == http.MethodPost:
		s.invoke(w, r, tenant, invocations[what])
	default:
		http.NotFound(w, r)
	}
}

func (s *server) health(w http.ResponseWriter) {
	if !s.plugin.ready() {
		http.Error(w, `{"status":"starting"}`, http.StatusServiceUnavailable)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_, _ = w.Write([]byte(`{"status":"ok"}`))
}

func (s *server) listModels(w http.ResponseWriter, r *http.Request, tenant string) {
	if err := s.state.touchModels(r.Context(), tenant); err != nil {
		log.Printf("models: %v", err)
		http.Error(w, `{"code":-500,"message":"database"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(answer{Message: "success", Data: s.models})
}

func main() {
	log.SetFlags(log.LstdFlags | log.Lmicroseconds)
	log.SetOutput(os.Stdout)
	models, err := os.ReadFile(env("MODELS_FILE", "models.json"))
	if err != nil {
		log.Fatal(err)
	}
	st, err := openState(env("DB_URL", ""), env("REDIS_ADDR", ""), env("REDIS_PASSWORD", ""))
	if err != nil {
		log.Fatal(err)
	}
	p, err := startPlugin(env("PLUGIN_PYTHON", "python3"), env("PLUGIN_DIR", "plugin"))
	if err != nil {
		log.Fatal(err)
	}
	s := &server{apiKey: env("SERVER_KEY", ""), models: models, plugin: p, state: st}
	log.Fatal(http.ListenAndServe(env("LISTEN", ":5002"), s))
}
