-- `feed` never goes back: a transaction may have got its id before one that had this row before it.
UPDATE run_heads h
SET status = s.status, paused = s.paused, held = s.held, stopping = s.stopping, cancelling = s.cancelling, seq = s.seq,
    tasks_total = s.tasks_total, tasks_left = s.tasks_left, tasks_bad = s.tasks_bad,
    feed = greatest(h.feed, pg_current_xact_id()::text::bigint),
    unsealed = s.status IN ('success', 'failed', 'cancelled') AND s.seq > h.sealed_seq
FROM unnest($1::uuid[], $2::text[], $3::boolean[], $4::boolean[], $5::boolean[], $6::text[], $7::bigint[], $8::integer[],
            $9::integer[], $10::integer[])
     AS s (run_id, status, paused, held, stopping, cancelling, seq, tasks_total, tasks_left, tasks_bad)
WHERE h.run_id = ANY (ARRAY[s.run_id])
