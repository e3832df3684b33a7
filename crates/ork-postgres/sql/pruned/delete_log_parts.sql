-- By place, which does not change: nobody adds any to a run of which nothing is to be packed any more. Their bytes are doomed.
WITH gone AS (
    DELETE FROM log_parts WHERE ctid = ANY (ARRAY(SELECT ctid FROM log_parts WHERE run_id = ANY ($1::uuid[]) LIMIT $2))
    RETURNING run_id, workspace_id, blob_key
), doomed AS (
    INSERT INTO loose_blobs (key, workspace_id, kept_until, doomed)
    SELECT g.blob_key, g.workspace_id, p.pruned_at, true
    FROM gone g JOIN pruned_runs p ON p.run_id = g.run_id WHERE g.blob_key IS NOT NULL
    ON CONFLICT (key) DO UPDATE SET doomed = true
)
SELECT 1 FROM gone
