SELECT model, input_micros, output_micros, cached_micros, updated_by, updated_at FROM prices
WHERE workspace_id = $1 ORDER BY model LIMIT $2
