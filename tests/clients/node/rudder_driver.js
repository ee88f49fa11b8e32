// RudderStack's Node SDK: rudder_driver.js URL KEY COUNT
const RudderAnalytics = require('@rudderstack/rudder-sdk-node')
const [url, key, count] = process.argv.slice(2)
const failed = []
const client = new RudderAnalytics(key, { dataPlaneUrl: url, flushAt: 20, flushInterval: 200, maxQueueSize: 1024 * 1024, logLevel: 'error' })
let told = 0
const said = (error) => { told++; if (error) failed.push(String(error)) }
for (let n = 0; n < Number(count); n++) client.track({ userId: `user-${n % 7}`, event: 'Lead Scored', properties: { n } }, said)
client.flush()
const began = Date.now()
const timer = setInterval(() => {
  if (told < Number(count) && Date.now() - began < 60000) return
  clearInterval(timer)
  console.log(failed.length ? `failed: ${failed.slice(0, 3)}` : told < Number(count) ? `failed: ${told}` : 'sent')
  process.exit(0)
}, 50)
