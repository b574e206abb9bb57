/**
 * Bounds on the shape of a module, so that neither reading it nor what is made of it grows without limit.
 * A count is also bounded by the bytes that are left: an entry takes at least one.
 */
export const structureLimits = {
  /** Sections, custom ones included; a compiler writes about 20. */
  sections: 10_000,
  /** V8 takes 1,000,000; one less leaves room for the type that the rewrite adds. */
  types: 999_999,
  /** Of structs and arrays. The engine keeps every distinct one for good, in some 400 bytes. */
  objectTypes: 20_000,
  /** V8's bound on fields of a struct. */
  structFields: 10_000,
  /** Of all structs together. */
  fields: 200_000,
  /** Made by constants: of globals, tables and element segments. */
  constantObjectBytes: 8 * 2 ** 20,
  /** V8 takes 1,000,000; the rest is room for the functions that the rewrite adds: one a memory, and two. */
  functions: 999_900,
  imports: 100_000,
  /** V8 takes 1,000,000; the rewrite adds one for each mutable global and each memory. */
  exports: 100_000,
  /** Every mutable one is read and set again by a reset. */
  globals: 100_000,
  memories: 100,
  tables: 10_000,
  tags: 100_000,
  /** V8's bound on parameters, and on results, of a function. */
  functionValues: 1_000,
  /** V8's bound on data segments, taken for element segments too. */
  segments: 100_000,
  /** Where code grows memory, copies or fills in bulk; a compiler of 75 MB has some 10,000. */
  changedPlaces: 1_000_000,
  /** V8's bound on the body of one function, which the rewrite may make larger. */
  functionBodyBytes: 7_654_321,
} as const;
