-- Keeping what was done: its data moved, told of, and in the end removed.

-- Moving data. The counter of the queue is a row here, and whoever may write may set it.
SELECT 1;
