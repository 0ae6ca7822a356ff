// Drives the unmodified tus-js-client for one file, as a test tells it to; one JSON line per event.
//
// Arguments: one JSON object {endpoint, file, name, chunkBytes, act, retryDelays, withBody, storage}.
// `act`: "upload"; "pause" stops in the middle and goes on; "abort" stops in the middle and ends the
// upload on the server; "resume" takes up what `storage` remembers of an earlier process.
import { createReadStream, statSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(`${process.env.CLIENTS_FOLDER}/`)
const tus = require('tus-js-client')
const told = JSON.parse(process.argv[2])
const size = statSync(told.file).size
const tell = (event, more = {}) => console.log(JSON.stringify({ event, ...more }))
let acted = false

const upload = new tus.Upload(createReadStream(told.file), {
  endpoint: told.endpoint,
  chunkSize: told.chunkBytes || Infinity,
  retryDelays: told.retryDelays || null,
  uploadDataDuringCreation: Boolean(told.withBody),
  metadata: { filename: told.name },
  uploadSize: size,
  urlStorage: told.storage ? new tus.FileUrlStorage(told.storage) : null,
  storeFingerprintForResuming: Boolean(told.storage),
  removeFingerprintOnSuccess: true,
  fingerprint: async () => `${told.name}-${size}`,
  onShouldRetry: () => true,
  onChunkComplete: (_, accepted) => {
    tell('accepted', { bytes: accepted })
    if (acted || accepted < size / 2 || accepted === size) return
    if (told.act === 'pause') {
      acted = true
      upload.abort().then(() => {
        tell('paused')
        setTimeout(() => upload.start(), 50)
      })
    } else if (told.act === 'abort') {
      acted = true
      upload.abort(true).then(() => tell('aborted', { url: upload.url }))
    }
  },
  onSuccess: () => tell('success', { url: upload.url }),
  onError: (error) => {
    tell('error', { status: error.originalResponse?.getStatus() ?? 0, text: String(error) })
    process.exitCode = 1
  },
})

if (told.act === 'resume') {
  const earlier = await upload.findPreviousUploads()
  tell('found', { count: earlier.length })
  if (earlier.length) upload.resumeFromPreviousUpload(earlier[0])
}
upload.start()
