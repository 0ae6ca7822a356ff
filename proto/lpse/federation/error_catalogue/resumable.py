"""Codes FED-54nn: resumable files of upload grants.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5401": entry(
        (
            "This upload address has no such file",
            "it was never begun here, or belongs to another address",
            "choose the file and begin its upload again",
        ),
        (
            "Alamat unggah ini tidak memiliki berkas itu",
            "belum pernah dimulai di sini, atau milik alamat lain",
            "pilih berkas dan mulai unggah lagi",
        ),
    ),
    "FED-5402": entry(
        (
            "The file's upload has ended",
            "it expired or was removed; its bytes are gone, the proof of the attempt stays",
            "choose the file and begin its upload again",
        ),
        (
            "Unggahan berkas ini telah berakhir",
            "kedaluwarsa atau dihapus; bitanya tidak ada lagi, bukti percobaan tetap ada",
            "pilih berkas dan mulai unggah lagi",
        ),
    ),
    "FED-5403": entry(
        (
            "The bytes do not begin where the file ends",
            "nothing was changed; the answer says where to go on",
            "ask for the offset and resume there; a standard client does it by itself",
        ),
        (
            "Bita tidak mulai di akhir berkas",
            "tidak ada yang berubah; jawaban menyebut titik lanjutnya",
            "tanyakan posisi lalu lanjutkan unggahan; klien standar melakukannya sendiri",
        ),
    ),
    "FED-5405": entry(
        (
            "The bytes do not have the checksum sent with them",
            "none of them was kept; what came before is safe",
            "send the same bytes again",
        ),
        (
            "Bita tidak sesuai sidik yang dikirim bersamanya",
            "tidak ada yang disimpan; yang datang sebelumnya aman",
            "kirim lagi bita yang sama",
        ),
    ),
    "FED-5406": entry(
        (
            "The disk did not give back what arrived",
            "the file is empty again; nothing wrong was accepted",
            "send the file from its beginning; the admin checks the disk",
        ),
        (
            "Cakram tidak mengembalikan apa yang datang",
            "berkas kosong kembali; tidak ada yang keliru diterima",
            "kirim berkas dari awal; admin memeriksa cakram",
        ),
    ),
    "FED-5407": entry(
        (
            "The file is larger than allowed or announced",
            "what goes beyond was not kept",
            "make the files smaller, remove others of this upload, or ask the help desk",
        ),
        (
            "Berkas lebih besar daripada batas atau ukuran yang diumumkan",
            "kelebihannya tidak disimpan",
            "kecilkan berkas, hapus berkas lain dari unggahan ini, atau tanya helpdesk",
        ),
    ),
    "FED-5408": entry(
        (
            "Too many files in this upload address",
            "the other files are not touched",
            "submit or remove files first",
        ),
        (
            "Terlalu banyak berkas pada alamat unggah ini",
            "berkas lain tidak tersentuh",
            "kirim atau hapus berkas dahulu",
        ),
    ),
    "FED-5409": entry(
        (
            "The node is receiving as much as it can",
            "nothing was lost; what has arrived stays",
            "try again in a moment; standard clients do it by themselves",
        ),
        (
            "Simpul sedang menerima sebanyak yang dapat ditampung",
            "tidak ada yang hilang; yang sudah datang tetap ada",
            "coba lagi sebentar lagi; klien standar melakukannya sendiri",
        ),
    ),
    "FED-5410": entry(
        (
            "A file of the submission is not whole yet",
            "nothing was submitted",
            "wait until every file is complete, then submit",
        ),
        (
            "Ada berkas penyampaian yang belum lengkap",
            "tidak ada yang disampaikan",
            "tunggu semua berkas lengkap, lalu kirim",
        ),
    ),
    "FED-5411": entry(
        (
            "A file belongs to an earlier submission",
            "nothing was changed; the earlier submission and its receipt stay",
            "upload the file again to send it with a new submission",
        ),
        (
            "Ada berkas milik penyampaian terdahulu",
            "tidak ada yang berubah; penyampaian itu dan tanda terimanya tetap",
            "unggah lagi berkas itu untuk penyampaian baru",
        ),
    ),
    "FED-5412": entry(
        (
            "The choice of files is wrong",
            "a submission names 1 to 250 files, each once; nothing was submitted",
            "choose the files again",
        ),
        (
            "Pilihan berkas salah",
            "satu penyampaian memuat 1–250 berkas, masing-masing sekali; tidak ada yang terkirim",
            "pilih berkas lagi",
        ),
    ),
    "FED-5413": entry(
        (
            "Too many submissions through one upload address",
            "the newest one that was accepted counts; all receipts stay",
            "ask the LPSE for a new upload address",
        ),
        (
            "Terlalu banyak penyampaian lewat satu alamat unggah",
            "yang terbaru diterima yang dihitung; semua tanda terima tetap",
            "minta alamat unggah baru kepada LPSE",
        ),
    ),
    "FED-5414": entry(
        (
            "There is no attempt of this number",
            "attempts of an upload address are counted from 1",
            "look at the list of attempts",
        ),
        (
            "Tidak ada percobaan dengan nomor ini",
            "percobaan satu alamat unggah dihitung dari 1",
            "lihat daftar percobaan",
        ),
    ),
    "FED-5415": entry(
        (
            "The file expired before it was submitted",
            "its bytes were removed; the proof of the attempt stays",
            "upload it again if the deadline allows",
        ),
        (
            "Berkas kedaluwarsa sebelum dikirim",
            "bitanya dihapus; bukti percobaan unggah tetap ada",
            "unggah lagi bila batas akhir mengizinkan",
        ),
    ),
    "FED-5416": entry(
        (
            "The file was removed by its uploader",
            "its bytes were removed; the proof of the attempt stays",
            "upload it again if it is needed",
        ),
        (
            "Berkas dihapus oleh pengunggahnya",
            "bitanya dihapus; bukti percobaan unggah tetap ada",
            "unggah lagi bila diperlukan",
        ),
    ),
    "FED-5417": entry(
        (
            "The upload address was revoked",
            "files that were not submitted were removed; submissions and receipts stay",
            "ask the LPSE for a new upload address",
        ),
        (
            "Alamat unggah dicabut",
            "berkas yang belum dikirim dihapus; penyampaian dan tanda terima tetap",
            "minta alamat unggah baru kepada LPSE",
        ),
    ),
    "FED-5418": entry(
        (
            "The bytes of a file ended early or changed",
            "nothing of it was accepted; the attempt is on record",
            "send the file again",
        ),
        (
            "Bita berkas terputus atau berubah",
            "tidak ada yang diterima; percobaannya tercatat",
            "kirim berkas lagi",
        ),
    ),
}
