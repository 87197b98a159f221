"""The node: a chain served over JSON-RPC to web3 clients and to people."""
