/** Every message at every level in every state of a server: see support/every-message.ts. */
import { sendEverything } from '../support/every-message.ts';

sendEverything('server');
