-- What steps of a task have used or reserved in all attempts, rounds and tries.
SELECT position, sum(cost_tokens + reserved_tokens)::bigint AS tokens, sum(cost_micros + reserved_micros)::bigint AS micros FROM steps
WHERE run_id = $1 AND n = $2 AND position = ANY ($3::integer[])
GROUP BY position
