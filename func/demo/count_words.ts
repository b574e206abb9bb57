// How often each word is in a text: a line each, the word and its count. top_words calls it for the parts of a text.
//
//   curl -d 'to be or not to be' localhost:8001/f/demo/count_words
//   to 2
//   be 2
//   or 1
//   not 1

import { getInputText, setOutput } from "faasm";

export function main(): i32 {
  const words = getInputText().toLowerCase().replaceAll("\n", " ").split(" ");
  const counts = new Map<string, i32>();
  for (let i = 0; i < words.length; i++) {
    const word = words[i];
    if (word.length > 0) counts.set(word, counts.has(word) ? counts.get(word) + 1 : 1);
  }

  const found = counts.keys();
  let lines = "";
  for (let i = 0; i < found.length; i++) lines += `${found[i]} ${counts.get(found[i])}\n`;
  setOutput(lines);
  return 0;
}
