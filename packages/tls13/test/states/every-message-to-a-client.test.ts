/** Every message at every level in every state of a client: see support/every-message.ts. */
import { sendEverything } from '../support/every-message.ts';

sendEverything('client');
