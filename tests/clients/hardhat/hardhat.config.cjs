// A project as people have them, with its network set to the node. The contract comes from OpenZeppelin's published artefacts, so
// that no compiler is needed.
require("@nomicfoundation/hardhat-ethers");
require("@nomicfoundation/hardhat-chai-matchers");

module.exports = {
  solidity: "0.8.28",
  networks: { devnode: { url: process.env.RPC ?? "http://127.0.0.1:8547", chainId: 412346 } },
};
