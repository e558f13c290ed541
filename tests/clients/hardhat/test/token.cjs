const { expect } = require("chai");
const { ethers, network } = require("hardhat");
const { impersonateAccount, loadFixture, mine, setBalance, setCode, setNextBlockBaseFeePerGas, setNonce, setStorageAt, takeSnapshot, time } =
  require("@nomicfoundation/hardhat-network-helpers");
const artefact = require("@openzeppelin/contracts/build/contracts/ERC20PresetFixedSupply.json");
const vesting = require("@openzeppelin/contracts/build/contracts/VestingWallet.json");
const doubles = require("../../../doubles/abi/IToken.json");

const DAY = 86_400;

describe("an ERC-20 on the node", () => {
  async function deployed() {
    const [alice, bob] = await ethers.getSigners();
    const token = await new ethers.ContractFactory(artefact.abi, artefact.bytecode, alice).deploy("Gold", "GLD", 1000, alice);
    return { token, alice, bob };
  }

  it("moves tokens and tells of it", async () => {
    const { token, alice, bob } = await loadFixture(deployed);
    const transfer = token.transfer(bob, 5);
    await expect(transfer).to.emit(token, "Transfer").withArgs(alice.address, bob.address, 5);
    await expect(transfer).to.changeTokenBalances(token, [alice, bob], [-5, 5]);
  });

  it("starts from its fixture again", async () => {
    const { token, bob } = await loadFixture(deployed);
    expect(await token.balanceOf(bob)).to.equal(0);
  });

  it("gives reasons for what it refuses", async () => {
    const { token, alice, bob } = await loadFixture(deployed);
    await expect(token.connect(bob).transfer(alice, 1)).to.be.revertedWith("ERC20: transfer amount exceeds balance");
    await expect(token.connect(bob).transfer.staticCall(alice, 1)).to.be.reverted;
  });

  it("lets anybody be impersonated", async () => {
    const { token, bob } = await loadFixture(deployed);
    const vault = await token.getAddress();
    await token.transfer(vault, 10);
    await impersonateAccount(vault);
    await setBalance(vault, ethers.parseEther("1"));
    await token.connect(await ethers.getSigner(vault)).transfer(bob, 10);
    expect(await token.balanceOf(bob)).to.equal(10);
  });

  it("travels in time", async () => {
    const { token, alice, bob } = await loadFixture(deployed);
    const start = (await time.latest()) + DAY;
    const wallet = await new ethers.ContractFactory(vesting.abi, vesting.bytecode, alice).deploy(bob, start, 100 * DAY);
    await token.transfer(wallet, 1000);
    const releasable = () => wallet["releasable(address)"](token);
    expect(await releasable()).to.equal(0);
    await time.increaseTo(start + 25 * DAY);
    expect(await releasable()).to.equal(250);
    await time.increase(25 * DAY);
    expect(await releasable()).to.equal(500);
    await time.setNextBlockTimestamp(start + 75 * DAY);
    await wallet["release(address)"](token);
    expect(await token.balanceOf(bob)).to.equal(750);
    await mine(10, { interval: DAY });
    expect(await time.latest()).to.equal(start + 84 * DAY);
  });

  it("returns to snapshots", async () => {
    const { token, bob } = await loadFixture(deployed);
    const before = await takeSnapshot();
    await token.transfer(bob, 5);
    await before.restore();
    expect(await token.balanceOf(bob)).to.equal(0);
  });

  it("has state that can be set", async () => {
    const { bob } = await loadFixture(deployed);
    const place = "0x0000000000000000000000000000000000c0de01";
    // Returns slot 1.
    await setCode(place, "0x6001545f5260205ff3");
    await setStorageAt(place, 1, 77);
    await setNonce(place, 9);
    expect(BigInt(await ethers.provider.call({ to: place }))).to.equal(77n);
    expect(await ethers.provider.getTransactionCount(place)).to.equal(9);
    await setNextBlockBaseFeePerGas(200_000_000);
    const receipt = await (await bob.sendTransaction({ to: place })).wait();
    expect(receipt.gasPrice).to.equal(200_000_000n);
    await setNextBlockBaseFeePerGas(100_000_000);
  });

  it("collects transactions in one block", async () => {
    const { token, alice, bob } = await loadFixture(deployed);
    await network.provider.send("evm_setAutomine", [false]);
    const nonce = await alice.getNonce();
    const sent = [];
    for (let index = 0; index < 3; index++) {
      sent.push(await token.transfer(bob, 1, { nonce: nonce + index, gasLimit: 100_000 }));
    }
    await network.provider.send("evm_mine");
    await network.provider.send("evm_setAutomine", [true]);
    const blocks = await Promise.all(sent.map(async (transaction) => (await transaction.wait()).blockNumber));
    expect(new Set(blocks).size).to.equal(1);
  });

  it("decodes custom errors of a Stylus program", async () => {
    const [alice, bob] = await ethers.getSigners();
    const { activate, program } = await import("../../harness.mjs");
    const token = await new ethers.ContractFactory(doubles, program, alice).deploy();
    await activate(await token.getAddress());
    await (await token.initialize("USD Coin", "USDC", 6)).wait();
    await expect(token.connect(bob).transfer(alice, 9)).to.be.revertedWithCustomError(token, "InsufficientBalance")
      .withArgs(bob.address, 0, 9);
  });
});
