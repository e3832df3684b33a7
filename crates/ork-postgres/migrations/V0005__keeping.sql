-- Keeping what was done: its data moved, told of, and in the end removed.

-- Moving data. What is copied into a database keeps its numbers, and the next one comes after them.
GRANT UPDATE ON SEQUENCE ready_seq TO ork_engine;
