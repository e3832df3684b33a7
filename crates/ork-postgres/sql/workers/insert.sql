INSERT INTO workers (id, name, host, lanes, capacity, version, started_at, heartbeat_at, ended_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING
