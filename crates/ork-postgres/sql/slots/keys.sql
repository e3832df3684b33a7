-- Keys whose first waiting task may find a slot. Only a hint: who gives slots counts again under the key's lock.
SELECT k.workspace_id, k.concurrency_key
FROM (SELECT DISTINCT workspace_id, concurrency_key FROM held WHERE $1::uuid IS NULL OR workspace_id = $1) AS k
WHERE (SELECT h.concurrency_limit FROM held h WHERE h.workspace_id = k.workspace_id AND h.concurrency_key = k.concurrency_key
       ORDER BY h.rank, h.seq LIMIT 1)
    > (SELECT count(*) FROM ready q WHERE q.workspace_id = k.workspace_id AND q.concurrency_key = k.concurrency_key)
    + (SELECT count(*) FROM leases l WHERE l.workspace_id = k.workspace_id AND l.concurrency_key = k.concurrency_key)
ORDER BY 1, 2 LIMIT $2
