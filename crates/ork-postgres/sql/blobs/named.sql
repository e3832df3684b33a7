-- Whether bytes are named. Asked after they were noted: whoever named them meanwhile has committed by then, or finds the note.
SELECT 1 FROM artifacts WHERE key = $1
