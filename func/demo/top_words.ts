// The ten most frequent words of all texts so far. The parts of a text are counted at once, in calls of count_words;
// what they find is added up in state, where the lock makes texts count right that come at the same time.
//
//   curl -d 'to be or not to be' localhost:8001/f/demo/top_words
//   be 2
//   to 2
//   not 1
//   or 1
//   curl localhost:8002/s/demo/word_counts

import {
  awaitCallOutput, chain, getInputText, lockStateWrite, readStateText, setOutput, unlockStateWrite, writeState,
} from "faasm";

const wordsOfPart = 1000;

class Count {
  constructor(readonly word: string, readonly times: i32) {}
}

export function main(): i32 {
  const words = getInputText().split(" ");
  const calls: i32[] = [];
  for (let from = 0; from < words.length; from += wordsOfPart) {
    calls.push(chain("count_words", words.slice(from, from + wordsOfPart).join(" ")));
  }

  const found: string[] = [];
  for (let i = 0; i < calls.length; i++) {
    const part = awaitCallOutput(calls[i]);
    if (part.returnValue != 0) return part.returnValue;
    found.push(part.text);
  }

  lockStateWrite("word_counts");
  const counts = addUp(readStateText("word_counts"), found);
  writeState("word_counts", toLines(counts));
  unlockStateWrite("word_counts");

  setOutput(toLines(counts.slice(0, 10)));
  return 0;
}

/** Of lines as count_words puts them out; the most frequent words first. */
function addUp(known: string, found: string[]): Count[] {
  const times = new Map<string, i32>();
  const lines = known.concat(found.join("")).split("\n");
  for (let i = 0; i < lines.length; i++) {
    const space = lines[i].indexOf(" ");
    if (space < 0) continue;
    const word = lines[i].slice(0, space);
    const more = <i32>parseInt(lines[i].slice(space + 1));
    times.set(word, times.has(word) ? times.get(word) + more : more);
  }

  const words = times.keys();
  const counts: Count[] = [];
  for (let i = 0; i < words.length; i++) counts.push(new Count(words[i], times.get(words[i])));
  return counts.sort((one, two) =>
    one.times != two.times ? two.times - one.times : one.word < two.word ? -1 : 1);
}

function toLines(counts: Count[]): string {
  let lines = "";
  for (let i = 0; i < counts.length; i++) lines += `${counts[i].word} ${counts[i].times}\n`;
  return lines;
}
