SELECT h.run_id, coalesce(s.number, 0) AS seals, s.link, h.sealed_seq, h.seq AS head_seq,
       e.seq, e.seq_last, e.type, e.tasks, e.actor_kind, e.actor_id, e.payload, e.created_at
FROM run_heads h
LEFT JOIN LATERAL (
    SELECT last.number, last.link FROM seals last WHERE last.run_id = h.run_id ORDER BY last.number DESC LIMIT 1
) AS s ON true
LEFT JOIN LATERAL (
    SELECT own.seq, own.seq_last, own.type, own.tasks, own.actor_kind, own.actor_id, own.payload, own.created_at FROM events own
    WHERE own.run_id = h.run_id AND own.seq > h.sealed_seq AND own.seq <= h.seq
    ORDER BY own.seq LIMIT $3
) AS e ON true
WHERE h.run_id = $1 AND ($2::uuid IS NULL OR h.workspace_id = $2) AND h.seq > h.sealed_seq
ORDER BY e.seq
