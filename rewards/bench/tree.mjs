// Root and proofs of the same leaves as `rewards-bench tree`, with a package of npm. Prints a JSON object.
import { keccak_256 } from '@noble/hashes/sha3'

const [name, count] = [process.argv[2], Number(process.argv[3])]
const PROOFS = 1000

function pair(number) {
  const key = Buffer.alloc(8)
  key.writeBigUInt64BE(BigInt(number))
  const amount = (BigInt(number) + 1n) * 1000000007n
  return Buffer.concat([Buffer.from(keccak_256(key)).subarray(12), Buffer.from(amount.toString(16).padStart(64, '0'), 'hex')])
}

const pairs = Array.from({ length: count }, (_, number) => pair(number))
const seconds = (since) => {
  const used = process.cpuUsage(since)
  return (used.user + used.system) / 1e6
}

const libraries = {
  async merkletreejs() {
    const { MerkleTree } = await import('merkletreejs')
    const hash = (data) => Buffer.from(keccak_256(data))
    const build = () => new MerkleTree(pairs.map(hash), hash, { sort: true })
    return [build, (tree) => tree.getHexRoot(), (tree, place) => tree.getHexProof(tree.getLeaf(place), place)]
  },
  async '@openzeppelin/merkle-tree'() {
    const { SimpleMerkleTree } = await import('@openzeppelin/merkle-tree')
    const build = () => SimpleMerkleTree.of(pairs.map((data) => keccak_256(data)))
    return [build, (tree) => tree.root, (tree, place) => tree.getProof(place)]
  },
}

const [build, rootOf, proofOf] = await libraries[name]()
let since = process.cpuUsage()
const tree = build()
const root = rootOf(tree)
const root_cpu = seconds(since)
since = process.cpuUsage()
const taken = Math.min(PROOFS, count)
for (let place = 0; place < taken; place++) proofOf(tree, place)
const proofs_cpu = (seconds(since) * count) / taken
console.log(JSON.stringify({ root, root_cpu, proofs_cpu, peak_mib: Math.round(process.resourceUsage().maxRSS / 1024) }))
