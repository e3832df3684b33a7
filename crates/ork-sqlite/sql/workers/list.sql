SELECT id, name, host, lanes, capacity, version, started_at, heartbeat_at, ended_at FROM workers w
WHERE ended_at IS NULL OR EXISTS (SELECT 1 FROM leases l WHERE l.worker_id = w.id)
ORDER BY started_at DESC, id DESC LIMIT ?1
