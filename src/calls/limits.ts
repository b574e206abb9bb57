/** What a call's bytes on the wire may amount to; more is `too_large`. */

/** 64 MiB: the input of a call, or the output of its result. */
export const payloadMaxBytes = 64 * 1024 * 1024;

/** 64 KiB: all that is not payload. Names, ids and keys are hundreds of bytes; an error's texts are most of it. */
export const metadataMaxBytes = 64 * 1024;

export const callMaxBytes = payloadMaxBytes + metadataMaxBytes;

/** A message has 31 fields, each sent once; more than this is somebody wasting our time. */
export const messageMaxFields = 256;

/** Arguments and environment variables, of which there are 256 each at most. */
export const argumentsMaxFields = 512;

/** Of a request; node takes so many that it tells of. */
export const requestHeadersMax = 1000;

/** Of the response of a CGI program; servers take about as many. */
export const responseHeadersMax = 100;

/** 16 KiB: its headers and its status, which clients take. */
export const responseHeadMaxBytes = 16 * 1024;

/** In characters: what is sent of each text of an error, from its start (of standard error, from its end). */
export const errorTextMaxLength = 4096;

/** An error's details as JSON; those that are longer go without their traces. */
export const errorDetailsMaxBytes = 40 * 1024;
