import assert from "node:assert/strict";
import { test } from "node:test";

import { typeLabel, valueLabel, wordsOf } from "../../static/ui/words.js";

test("names in any notation become words, and acronyms stay", () => {
  const words = ["WRITE_PRESS_RELEASE", "postsPerWeek", "posts_per_week", "websiteURL", "seoTitle", "kpis", "shop.writeRelease-v2"].map(wordsOf);
  assert.deepEqual(words, ["Write press release", "Posts per week", "Posts per week", "Website URL", "SEO title", "KPIs", "Shop write release v2"]);
});

test("a title that is the same for all tasks is the label of their type", () => {
  assert.deepEqual([typeLabel("SEO_AUDIT"), typeLabel("SEO_AUDIT", "Site check"), typeLabel("SEO_AUDIT", "Audit of {site}")], ["SEO audit", "Site check", "SEO audit"]);
});

test("values that are names become words, others stay as they are", () => {
  assert.deepEqual(["very_bold", "VERY_BOLD", "EUR", "4:5", "iPhone", 3, true].map(valueLabel), ["Very bold", "Very bold", "EUR", "4:5", "iPhone", "3", "Yes"]);
});
