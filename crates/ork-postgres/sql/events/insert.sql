-- The run's head was written before, in this transaction: it knows the place in the order of all events.
INSERT INTO events (run_id, seq, seq_last, workspace_id, type, tasks, actor_kind, actor_id, payload, created_at, feed)
SELECT s.run_id, s.seq, s.seq_last, s.workspace_id, s.type, s.tasks, s.actor_kind, s.actor_id, s.payload::json, s.created_at,
       (SELECT h.feed FROM run_heads h WHERE h.run_id = s.run_id)
FROM unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::bigint[])
     AS s (run_id, seq, seq_last, workspace_id, type, tasks, actor_kind, actor_id, payload, created_at)
