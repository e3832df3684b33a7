-- The workspaces that have something in a lane, by jumping from one to the next.
WITH RECURSIVE seen (workspace_id) AS (
    SELECT min(workspace_id) FROM ready WHERE lane = ?1
    UNION ALL
    SELECT (SELECT min(q.workspace_id) FROM ready q WHERE q.lane = ?1 AND q.workspace_id > seen.workspace_id)
    FROM seen WHERE seen.workspace_id IS NOT NULL
)
SELECT workspace_id FROM seen WHERE workspace_id IS NOT NULL
