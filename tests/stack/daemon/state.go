package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
)

const (
	pluginID   = "langgenius/openai_api_compatible"
	sessionTTL = 30 * time.Minute
	lockKey    = "plugin_daemon:cluster-master-preemption-lock"
)

// state is what the daemon keeps in Postgres and Redis: no user text, but it is on the wire
// with every call.
type state struct {
	db    *pgxpool.Pool
	redis *redis.Client
}

func openState(dbURL, redisAddr, redisPassword string) (*state, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	pool, err := pgxpool.New(ctx, dbURL)
	if err != nil {
		return nil, err
	}
	_, err = pool.Exec(ctx, `CREATE TABLE IF NOT EXISTS ai_model_installations (
		id bigserial PRIMARY KEY, tenant_id text, provider text, plugin_id text,
		created_at timestamptz DEFAULT now())`)
	if err != nil {
		return nil, err
	}
	s := &state{db: pool, redis: redis.NewClient(&redis.Options{
		Addr: redisAddr, Password: redisPassword})}
	if err := s.redis.Set(ctx, lockKey, "self", 2*time.Second).Err(); err != nil {
		return nil, err
	}
	go s.keepLock()
	return s, nil
}

// The node that keeps this key alive is the cluster's master.
func (s *state) keepLock() {
	for range time.Tick(500 * time.Millisecond) {
		_ = s.redis.Expire(context.Background(), lockKey, 2*time.Second).Err()
	}
}

func (s *state) touchModels(ctx context.Context, tenant string) error {
	if err := s.db.Ping(ctx); err != nil {
		return err
	}
	rows, err := s.db.Query(ctx, `SELECT id, provider, plugin_id, created_at
		FROM ai_model_installations WHERE tenant_id = $1 ORDER BY created_at LIMIT 256`, tenant)
	if err != nil {
		return err
	}
	rows.Close()
	return rows.Err()
}

func (s *state) openSession(ctx context.Context, session, tenant, user string, what invocation) error {
	key := "plugin_daemon:auto_type:PluginInstallation:plugin_id:" + pluginID + ":tenant_id:" + tenant
	if err := s.redis.Get(ctx, key).Err(); err == redis.Nil {
		err = s.redis.Set(ctx, key, pluginID, sessionTTL).Err()
		if err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	info, err := json.Marshal(map[string]any{
		"id": session, "tenant_id": tenant, "user_id": user, "invoke_from": what.kind,
		"action": what.action, "plugin_unique_identifier": pluginID,
	})
	if err != nil {
		return err
	}
	return s.redis.Set(ctx, "plugin_daemon:session_info:"+session, info, sessionTTL).Err()
}

// The request may be gone already, so this has a context of its own.
func (s *state) closeSession(session string) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_ = s.redis.Del(ctx, "plugin_daemon:session_info:"+session).Err()
}
