"""What proves the ledger to anybody without a database: canonical bytes, the chain, the Merkle tree, checkpoints and receipts."""
