-- New rows only: the next version looks at those that are there.
ALTER TABLE answered_requests ADD CONSTRAINT recalled_within_asked CHECK (words_recalled <= words_asked) NOT VALID;
