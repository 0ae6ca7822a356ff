"""Codes FED-1nnn: storage and the program itself.

Keeps the order of the codes. Leaves out the other thousands.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-1000": entry(
        (
            "A fault inside the program",
            "this is our mistake, not yours; nothing was accepted by this call",
            "try again; if it happens again, send the log of this moment to the help desk",
        ),
        (
            "Kesalahan di dalam program",
            "ini kesalahan kami, bukan Anda; panggilan ini tidak menerima apa pun",
            "coba lagi; bila terulang, kirim log saat itu ke helpdesk",
        ),
    ),
    "FED-1101": entry(
        (
            "The data disk has no room",
            "this record was not accepted; everything accepted before is safe",
            "free space on the data disk; the program goes on by itself",
        ),
        (
            "Cakram data penuh",
            "catatan ini tidak diterima; semua yang diterima sebelumnya aman",
            "kosongkan ruang pada cakram data; program berlanjut sendiri",
        ),
    ),
    "FED-1102": entry(
        (
            "The data disk failed",
            "what was being written may or may not be there; nothing more is accepted",
            "check the disk, then restart; the start verifies what is stored",
        ),
        (
            "Cakram data rusak",
            "yang sedang ditulis mungkin ada mungkin tidak; tidak ada lagi yang diterima",
            "periksa cakram lalu jalankan ulang; isi diperiksa saat mulai",
        ),
    ),
    "FED-1103": entry(
        (
            "The database belongs to a newer program",
            "this program could lose what the newer one knows, so it does not open it",
            "install the newer program again, or restore the backup made before it",
        ),
        (
            "Basis data milik program yang lebih baru",
            "program ini dapat menghilangkan isinya, maka tidak membukanya",
            "pasang lagi program yang baru, atau pulihkan cadangan sebelumnya",
        ),
    ),
    "FED-1104": entry(
        (
            "The database is busy",
            "too much work is waiting; this request was not accepted",
            "try again shortly; if it stays, look for another program that holds the file",
        ),
        (
            "Basis data sibuk",
            "terlalu banyak pekerjaan menunggu; permintaan ini tidak diterima",
            "coba lagi sebentar; bila tetap, cari program lain yang memegang berkasnya",
        ),
    ),
    "FED-1105": entry(
        (
            "The database is in use by another process",
            "two writers would contradict each other, so the second one does not start",
            "stop the other process first",
        ),
        (
            "Basis data dipakai proses lain",
            "dua penulis akan saling bertentangan, maka yang kedua tidak berjalan",
            "hentikan dahulu proses yang lain",
        ),
    ),
    "FED-1106": entry(
        (
            "The database is closed",
            "the program is stopping; this request was not accepted",
            "start the program and try again",
        ),
        (
            "Basis data tertutup",
            "program sedang berhenti; permintaan ini tidak diterima",
            "jalankan program lalu coba lagi",
        ),
    ),
    "FED-1107": entry(
        (
            "The database cannot be brought up to date",
            "a migration is wrong or incomplete; the file was left as it was",
            "reinstall the program; the database and its backup are unchanged",
        ),
        (
            "Basis data tidak dapat dimutakhirkan",
            "ada migrasi yang salah atau tidak lengkap; berkas tidak diubah",
            "pasang ulang program; basis data dan cadangannya tidak berubah",
        ),
    ),
    "FED-1108": entry(
        (
            "The stored journal is damaged",
            "entries and signed head do not fit, so nothing is acknowledged from it",
            "restore the newest backup; the other side gives the lost tail back",
        ),
        (
            "Jurnal yang tersimpan rusak",
            "entri tidak cocok dengan kepala bertanda tangan; tidak ada yang diakui",
            "pulihkan cadangan terbaru; pihak lain mengembalikan sisanya",
        ),
    ),
    "FED-1109": entry(
        (
            "The stored copy of another journal is damaged",
            "its entries no longer make the head that their writer signed",
            "restore the newest backup, or drop the copy and let it be sent again",
        ),
        (
            "Salinan jurnal pihak lain rusak",
            "entrinya tidak lagi cocok dengan kepala yang ditandatangani penulisnya",
            "pulihkan cadangan terbaru, atau hapus salinan agar dikirim ulang",
        ),
    ),
    "FED-1201": entry(
        (
            "These bytes are not stored here",
            "the digest is unknown, or the file has been removed",
            "check the digest; ask the other side for the bytes",
        ),
        (
            "Isi berkas ini tidak tersimpan di sini",
            "sidik digital tidak dikenal, atau berkas telah dihapus",
            "periksa sidik digital; mintalah isinya dari pihak lain",
        ),
    ),
    "FED-1202": entry(
        (
            "The received bytes are not what was announced",
            "digest or size differ; nothing was kept under that name",
            "send the file again from its beginning",
        ),
        (
            "Isi yang diterima tidak sesuai pengumuman",
            "sidik digital atau ukuran berbeda; tidak ada yang disimpan",
            "kirim ulang berkas dari awal",
        ),
    ),
    "FED-1203": entry(
        (
            "A newer transfer took over",
            "an older connection of the same transfer must stop; nothing is lost",
            "let the newer transfer go on",
        ),
        (
            "Pengiriman yang lebih baru mengambil alih",
            "sambungan lama harus berhenti; tidak ada yang hilang",
            "biarkan pengiriman yang baru berlanjut",
        ),
    ),
    "FED-1204": entry(
        (
            "Too many files are being received",
            "this one was not begun; the others go on",
            "try again when some are finished",
        ),
        (
            "Terlalu banyak berkas sedang diterima",
            "berkas ini belum dimulai; yang lain berlanjut",
            "coba lagi setelah sebagian selesai",
        ),
    ),
    "FED-1205": entry(
        (
            "A piece does not begin where the file ends",
            "it was not written; the answer says where to go on",
            "resume the upload from the offset that is named",
        ),
        (
            "Potongan tidak dimulai di akhir berkas",
            "potongan tidak ditulis; jawaban menyebut tempat melanjutkan",
            "lanjutkan unggahan dari posisi yang disebut",
        ),
    ),
    "FED-1206": entry(
        (
            "The file cannot be stored like this",
            "a size, piece, digest or transfer id is outside of its bounds",
            "correct the value that is named",
        ),
        (
            "Berkas tidak dapat disimpan seperti ini",
            "ukuran, potongan, sidik digital, atau id pengiriman di luar batas",
            "perbaiki nilai yang disebut",
        ),
    ),
    "FED-1301": entry(
        (
            "The backup is not whole",
            "a file is missing or changed, or the folder is no backup; nothing was restored",
            "use another backup; this one cannot be trusted",
        ),
        (
            "Cadangan tidak utuh",
            "ada berkas hilang atau berubah, atau ini bukan cadangan; tak ada yang dipulihkan",
            "gunakan cadangan lain; yang ini tidak dapat dipercaya",
        ),
    ),
    "FED-1302": entry(
        (
            "The target folder is not empty",
            "backups and restored data never overwrite anything",
            "name an empty or new folder; move the old data aside first",
        ),
        (
            "Folder tujuan tidak kosong",
            "cadangan dan pemulihan tidak pernah menimpa apa pun",
            "sebutkan folder kosong atau baru; pindahkan dahulu data lama",
        ),
    ),
    "FED-1303": entry(
        (
            "The target folder cannot be made",
            "nothing was saved; the data itself is untouched",
            "name a folder on a disk that you may write to",
        ),
        (
            "Folder tujuan tidak dapat dibuat",
            "tidak ada yang disimpan; data asal tidak tersentuh",
            "sebutkan folder pada disk yang boleh ditulisi",
        ),
    ),
}
