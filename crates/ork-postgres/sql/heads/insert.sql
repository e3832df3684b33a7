INSERT INTO run_heads (run_id, workspace_id, status, paused, held, stopping, cancelling, on_failure, has_result, seq,
                       tasks_total, tasks_left, tasks_bad, feed, told, unsealed)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, pg_current_xact_id()::text::bigint, $14,
        $3 IN ('success', 'failed', 'cancelled'))
