-- The number was read in this transaction: RETURNING would build a table for its one row each time.
UPDATE counters SET value = ?1 WHERE name = 'feed'
