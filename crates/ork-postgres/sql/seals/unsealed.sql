-- The next events of runs that are over, as many as fit. A run whose events were removed has none, and is there all the same.
SELECT h.run_id, coalesce(s.number, 0) AS seals, s.link, h.sealed_seq, h.seq AS head_seq,
       e.seq, e.seq_last, e.type, e.tasks, e.actor_kind, e.actor_id, e.payload, e.created_at
FROM (
    SELECT own.run_id, own.seq, own.sealed_seq FROM run_heads own
    WHERE own.unsealed AND own.status IN ('success', 'failed', 'cancelled')
    ORDER BY own.run_id LIMIT $1
) AS h
LEFT JOIN LATERAL (
    SELECT last.number, last.link FROM seals last WHERE last.run_id = h.run_id ORDER BY last.number DESC LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT own.seq, own.seq_last, own.type, own.tasks, own.actor_kind, own.actor_id, own.payload, own.created_at FROM events own
    WHERE own.run_id = h.run_id AND own.seq > h.sealed_seq AND own.seq <= h.seq
    ORDER BY own.seq LIMIT $1
) AS e ON true
ORDER BY h.run_id, e.seq LIMIT $1
