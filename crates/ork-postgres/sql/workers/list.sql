-- Those that live from their own index, those that left a lease behind by jumping along the leases' index.
SELECT id, name, host, lanes, capacity, version, started_at, heartbeat_at, ended_at FROM workers w
WHERE ended_at IS NULL OR id IN (
    WITH RECURSIVE holders (worker_id) AS (
        (SELECT worker_id FROM leases ORDER BY worker_id LIMIT 1)
        UNION ALL
        SELECT (SELECT l.worker_id FROM leases l WHERE l.worker_id > holders.worker_id ORDER BY l.worker_id LIMIT 1)
        FROM holders WHERE holders.worker_id IS NOT NULL
    )
    SELECT worker_id FROM holders WHERE worker_id IS NOT NULL)
ORDER BY started_at DESC, id DESC LIMIT $1
