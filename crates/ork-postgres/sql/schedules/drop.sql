DELETE FROM schedules WHERE workflow_id = $1
