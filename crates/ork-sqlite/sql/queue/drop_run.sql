-- A run's part of one lane. No index leads from a run to its queued tasks: it would cost each task a fifth of its way
-- through the queue, for the sake of pauses and cancels. They scan the workspace's part of the lane instead.
DELETE FROM ready WHERE lane = ?1 AND workspace_id = ?2 AND run_id = ?3
