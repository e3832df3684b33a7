-- The workspaces that have something in these lanes, by jumping from one to the next along the key.
WITH RECURSIVE seen (lane, workspace_id) AS (
    SELECT s.lane, (SELECT q.workspace_id FROM ready q WHERE q.lane = s.lane ORDER BY q.workspace_id LIMIT 1)
    FROM unnest($1::text[]) AS s (lane)
    UNION ALL
    SELECT seen.lane,
           (SELECT q.workspace_id FROM ready q WHERE q.lane = seen.lane AND q.workspace_id > seen.workspace_id
            ORDER BY q.workspace_id LIMIT 1)
    FROM seen WHERE seen.workspace_id IS NOT NULL
)
SELECT lane, workspace_id FROM seen WHERE workspace_id IS NOT NULL
