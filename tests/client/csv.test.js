import assert from "node:assert/strict";
import { test } from "node:test";

import { csv } from "../../static/app/csv.js";

test("cells are quoted where necessary, and lists are joined", () => {
  const rows = [{ a: 'say "hi", you', b: ["x", "y"], c: 3 }, { a: "two\nlines" }];
  assert.equal(csv(rows, { a: "A", b: "B", c: "C" }), '\uFEFFA,B,C\r\n"say ""hi"", you",x; y,3\r\n"two\nlines",,\r\n');
});

test("no cell is a formula", () => {
  assert.equal(csv([{ a: "=1+1", b: "@x", c: -3 }], { a: "A", b: "B", c: "C" }), "\uFEFFA,B,C\r\n'=1+1,'@x,-3\r\n");
});
