ALTER TABLE spending_caps ADD COLUMN origin text;
