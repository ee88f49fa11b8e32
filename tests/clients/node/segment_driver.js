// Segment's Node SDK: segment_driver.js URL KEY COUNT
const { Analytics } = require('@segment/analytics-node')
const [url, key, count] = process.argv.slice(2)
const failed = []
const analytics = new Analytics({ writeKey: key, host: url, flushAt: 20, flushInterval: 200, maxRetries: 10 })
analytics.on('error', (error) => failed.push(String(error.code || error)))
for (let n = 0; n < Number(count); n++) analytics.track({ userId: `user-${n % 7}`, event: 'Lead Scored', properties: { n } })
analytics.closeAndFlush({ timeout: 60000 }).then(() => console.log(failed.length ? `failed: ${failed}` : 'sent'))
