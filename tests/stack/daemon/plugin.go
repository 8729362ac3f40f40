package main

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"os/exec"
	"sync"
	"sync/atomic"
)

// maxLine bounds one message of the plugin.
const maxLine = 64 << 20

// plugin is a child process that many sessions share, told apart by session_id.
type plugin struct {
	stdin    io.Writer
	write    sync.Mutex // a line longer than the pipe takes several writes
	mu       sync.Mutex
	sessions map[string]*session
	alive    atomic.Bool
}

// session is one call's place on the shared pipe; gone is closed when its caller left.
type session struct {
	replies chan sessionReply
	gone    chan struct{}
}

type sessionReply struct {
	Type string          `json:"type"`
	Data json.RawMessage `json:"data"`
}

func newSessionID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func startPlugin(python, dir string) (*plugin, error) {
	cmd := exec.Command(python, "-m", "main")
	cmd.Args[0] = "python"
	cmd.Dir = dir
	cmd.Env = os.Environ()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &plugin{stdin: stdin, sessions: map[string]*session{}}
	go p.readReplies(stdout)
	go relayErrors(stderr)
	go func() {
		err := cmd.Wait()
		// Without its plugin the daemon is of no use: let the container fail, visibly.
		log.Fatalf("plugin ended: %v", err)
	}()
	return p, nil
}

func (p *plugin) ready() bool { return p.alive.Load() }

// start sends one request line. A map gives Go's sorted keys; the ids of the chat are null
// but for tools, only the session's own and the user's go along.
func (p *plugin) start(id string, c *call) (<-chan sessionReply, error) {
	one := &session{make(chan sessionReply, 64), make(chan struct{})}
	p.mu.Lock()
	p.sessions[id] = one
	p.mu.Unlock()
	line, err := json.Marshal(map[string]any{
		"session_id": id, "conversation_id": c.ConversationID, "message_id": c.MessageID,
		"app_id": c.AppID, "endpoint_id": nil, "context": map[string]any{}, "event": "request",
		"data": c.Data,
	})
	if err != nil {
		return nil, err
	}
	p.write.Lock()
	defer p.write.Unlock()
	_, err = p.stdin.Write(append(line, '\n'))
	return one.replies, err
}

func (p *plugin) forget(id string) {
	p.mu.Lock()
	close(p.sessions[id].gone)
	delete(p.sessions, id)
	p.mu.Unlock()
}

func (p *plugin) readReplies(stdout io.Reader) {
	lines := bufio.NewScanner(stdout)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) > 0 {
			p.take(lines.Bytes())
		}
	}
}

func (p *plugin) take(line []byte) {
	var message struct {
		Event     string       `json:"event"`
		SessionID string       `json:"session_id"`
		Data      sessionReply `json:"data"`
	}
	if err := json.Unmarshal(line, &message); err != nil {
		log.Printf("plugin wrote what is no message: %v", err)
		return
	}
	if message.Event == "heartbeat" {
		p.alive.Store(true)
		return
	}
	p.mu.Lock()
	one := p.sessions[message.SessionID]
	p.mu.Unlock()
	if one == nil {
		return
	}
	select {
	case one.replies <- message.Data:
	case <-one.gone:
	}
}

func relayErrors(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	for lines.Scan() {
		log.Printf("plugin stderr: %s", lines.Text())
	}
}
