INSERT OR FAIL INTO events (run_id, seq, seq_last, workspace_id, type, tasks, actor_kind, actor_id, payload, created_at, feed)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
