UPDATE workers SET heartbeat_at = greatest(heartbeat_at, $2) WHERE id = $1 AND ended_at IS NULL
