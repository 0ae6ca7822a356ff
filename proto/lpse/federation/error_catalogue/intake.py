"""Codes FED-50nn: submissions.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5020": entry(
        (
            "No such bytes are in the queue",
            "they were sent already, or never queued here",
            "list the queue and copy the name",
        ),
        (
            "Bita itu tidak ada dalam antrean",
            "sudah terkirim, atau tak pernah diantrekan di sini",
            "lihat antrean dan salin namanya",
        ),
    ),
    "FED-5001": entry(
        (
            "The details of a submission cannot be used",
            "nothing was accepted",
            "give a JSON object with the vendor and no more than is asked",
        ),
        (
            "Rincian penyampaian tidak dapat dipakai",
            "tidak ada yang diterima",
            "beri objek JSON berisi penyedia dan tak lebih dari yang diminta",
        ),
    ),
    "FED-5002": entry(
        (
            "The files of a submission are wrong in number or name",
            "1 to 250 files with different names make one submission",
            "choose the files again; rename equal ones",
        ),
        (
            "Jumlah atau nama berkas penyampaian salah",
            "1 sampai 250 berkas bernama beda menjadi satu penyampaian",
            "pilih berkas lagi; ganti nama yang sama",
        ),
    ),
    "FED-5003": entry(
        (
            "The submission is too large",
            "the node's limit protects everybody's uploads; nothing was accepted",
            "split it as the tender documents say, or ask the help desk",
        ),
        (
            "Penyampaian terlalu besar",
            "batas simpul melindungi unggahan semua; tidak ada yang diterima",
            "bagi sesuai dokumen pemilihan, atau tanya helpdesk",
        ),
    ),
    "FED-5004": entry(
        (
            "Names and details are too long",
            "nothing was accepted",
            "use shorter file names or fewer files",
        ),
        (
            "Nama dan rincian terlalu panjang",
            "tidak ada yang diterima",
            "pakai nama berkas lebih pendek atau berkas lebih sedikit",
        ),
    ),
    "FED-5005": entry(
        (
            "An intake key is malformed",
            "nothing was looked up or accepted",
            "use the key as it was given, or let the program make one",
        ),
        (
            "Kunci penerimaan salah bentuk",
            "tidak ada yang dicari atau diterima",
            "pakai kunci seperti diberikan, atau biarkan program membuatnya",
        ),
    ),
    "FED-5006": entry(
        (
            "The intake key stands for another submission",
            "the same key with other bytes is a conflict; the first one stays",
            "leave the key out, or use a new one",
        ),
        (
            "Kunci penerimaan milik penyampaian lain",
            "kunci sama dengan isi lain bertentangan; yang pertama tetap",
            "jangan beri kunci, atau pakai kunci baru",
        ),
    ),
    "FED-5007": entry(
        (
            "The channel or seat is wrong",
            "nothing was accepted",
            "channel direct, or bidding-room with the number of the PC",
        ),
        (
            "Jalur atau nomor kursi salah",
            "tidak ada yang diterima",
            "jalur direct, atau bidding-room dengan nomor PC",
        ),
    ),
    "FED-5008": entry(
        (
            "A file is not as announced",
            "it changed or broke off while it was sent; nothing was accepted",
            "send the submission again",
        ),
        (
            "Berkas tidak seperti yang diumumkan",
            "berubah atau terputus saat dikirim; tidak ada yang diterima",
            "kirim penyampaian lagi",
        ),
    ),
    "FED-5009": entry(
        (
            "The upload ended without an answer",
            "it may or may not have been accepted",
            "send it again: the same content gives the same receipt",
        ),
        (
            "Unggahan berakhir tanpa jawaban",
            "mungkin diterima, mungkin tidak",
            "kirim lagi: isi sama memberi tanda terima sama",
        ),
    ),
    "FED-5010": entry(
        (
            "The node has no room",
            "it keeps a reserve for receipts; nothing was accepted",
            "free disk space at the node; the attempt is recorded",
        ),
        (
            "Simpul kehabisan ruang",
            "ia menyimpan cadangan untuk tanda terima; tidak ada yang diterima",
            "kosongkan disk simpul; percobaan tercatat",
        ),
    ),
    "FED-5011": entry(
        (
            "The deadline has passed",
            "an upload begun after the deadline is refused; the attempt is recorded",
            "keep the proof of the attempt; ask the Pokja",
        ),
        (
            "Batas akhir sudah lewat",
            "unggahan sesudah batas akhir ditolak; percobaan tercatat",
            "simpan bukti percobaan unggah; tanyakan Pokja",
        ),
    ),
    "FED-5012": entry(
        (
            "The upload stage has not begun",
            "nothing was accepted; the attempt is recorded",
            "come back when the stage begins",
        ),
        (
            "Tahap unggah belum dimulai",
            "tidak ada yang diterima; percobaan tercatat",
            "kembali saat tahap dimulai",
        ),
    ),
    "FED-5013": entry(
        (
            "The selection was cancelled",
            "no bids are taken any more",
            "ask the Pokja",
        ),
        (
            "Pemilihan dibatalkan",
            "penawaran tidak diterima lagi",
            "tanyakan kepada Pokja",
        ),
    ),
    "FED-5014": entry(
        (
            "Too many uploads at one time",
            "the node takes a limited number at once; nothing was lost",
            "try again in a moment",
        ),
        (
            "Terlalu banyak unggahan sekaligus",
            "simpul menerima sejumlah terbatas; tidak ada yang hilang",
            "coba lagi sebentar lagi",
        ),
    ),
    "FED-5015": entry(
        (
            "The upload stood still too long",
            "it was given up; nothing was accepted",
            "send the submission again",
        ),
        (
            "Unggahan terlalu lama diam",
            "dihentikan; tidak ada yang diterima",
            "kirim penyampaian lagi",
        ),
    ),
    "FED-5016": entry(
        (
            "This is not a package code",
            "nothing was looked up",
            "copy the code from SPSE",
        ),
        (
            "Ini bukan kode paket",
            "tidak ada yang dicari",
            "salin kodenya dari SPSE",
        ),
    ),
    "FED-5017": entry(
        (
            "A local file cannot be read",
            "nothing was sent or changed",
            "check the name and your rights",
        ),
        (
            "Berkas setempat tidak dapat dibaca",
            "tidak ada yang dikirim atau diubah",
            "periksa nama dan hak Anda",
        ),
    ),
    "FED-5018": entry(
        (
            "A file changed while it was being read",
            "nothing was accepted",
            "close the program that writes it, then upload again",
        ),
        (
            "Berkas berubah saat dibaca",
            "tidak ada yang diterima",
            "tutup program yang menulisnya, lalu unggah lagi",
        ),
    ),
    "FED-5019": entry(
        (
            "No submission has this key here",
            "it may belong to another node",
            "check the intake key on the receipt",
        ),
        (
            "Tidak ada penyampaian dengan kunci ini",
            "mungkin milik simpul lain",
            "periksa kunci penerimaan pada tanda terima",
        ),
    ),
    "FED-5021": entry(
        (
            "A page of the queue is malformed",
            "nothing was listed",
            "use a positive size and the token as it was given",
        ),
        (
            "Halaman antrean salah bentuk",
            "tidak ada yang ditampilkan",
            "pakai ukuran positif dan token seperti diberikan",
        ),
    ),
    "FED-5022": entry(
        (
            "The package has reached its limit of submissions",
            "so many were not foreseen; the attempt is recorded",
            "ask the help desk",
        ),
        (
            "Paket mencapai batas penyampaian",
            "sebanyak itu tidak diperkirakan; percobaan tercatat",
            "tanyakan helpdesk",
        ),
    ),
    "FED-5023": entry(
        (
            "The same content was just removed",
            "a refused upload of the same bytes was being cleared away",
            "send the submission again",
        ),
        (
            "Isi yang sama baru saja dihapus",
            "unggahan tertolak dengan isi sama sedang dibersihkan",
            "kirim penyampaian lagi",
        ),
    ),
}
