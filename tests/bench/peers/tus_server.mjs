// The peer `@tus/server` with its file store, as its own documentation starts it.
// Arguments: folder of the files. Prints its port as one line of JSON.
import http from 'node:http'
import { Server } from '@tus/server'
import { FileStore } from '@tus/file-store'

const directory = process.argv[2]
const server = new Server({ path: '/files', datastore: new FileStore({ directory }) })
const listener = http.createServer((request, response) => server.handle(request, response))
listener.listen(0, '127.0.0.1', () => {
  console.log(JSON.stringify({ port: listener.address().port }))
})
