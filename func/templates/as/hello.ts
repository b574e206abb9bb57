// Greets whoever the input names. This is AssemblyScript: TypeScript with the number types of WebAssembly.
// "faasm" has state and calls of other functions too.

import { getInputText, setOutput } from "faasm";

export function main(): i32 {
  const name = getInputText();
  setOutput("Hello " + (name == "" ? "World" : name));
  return 0; // The return value of the call: 0 for success.
}
