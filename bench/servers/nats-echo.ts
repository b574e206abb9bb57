/** The baseline for NATS: a service that gives back what it got. Argument: server url. Prints `ready`. */
import { connect } from 'nats';

const connection = await connect({ servers: process.argv[2]! });
connection.subscribe('bench.echo', { callback: (_error, message) => void message.respond(message.data) });
await connection.flush();
console.log('ready');
