"""Codes FED-51nn and FED-52nn: receipts and opening.

Keeps the order of the codes. Leaves out the other areas.
"""

from __future__ import annotations

from typing import Final

from lpse.federation.error_catalogue.entry import Entry, entry

ENTRIES: Final[dict[str, Entry]] = {
    "FED-5101": entry(
        (
            "This is not a valid receipt",
            "text, signature or key do not belong together",
            "use the file exactly as it was handed out, and its node's key",
        ),
        (
            "Ini bukan tanda terima yang sah",
            "teks, tanda tangan, atau kunci tidak bersesuaian",
            "pakai berkas persis seperti diberikan, dan kunci simpulnya",
        ),
    ),
    "FED-5103": entry(
        (
            "Details and commitment do not belong together",
            "one of them was changed",
            "keep both as evidence; compare with the journal after opening",
        ),
        (
            "Rincian dan komitmen tidak bersesuaian",
            "salah satunya berubah",
            "simpan keduanya; bandingkan dengan jurnal setelah pembukaan",
        ),
    ),
    "FED-5104": entry(
        (
            "A file is not one of the receipt",
            "its bytes differ from what was uploaded",
            "compare the digest in the receipt with the file",
        ),
        (
            "Berkas bukan bagian tanda terima",
            "isinya lain dari yang diunggah",
            "bandingkan sidik digital pada tanda terima dengan berkas",
        ),
    ),
    "FED-5105": entry(
        (
            "A file exists and holds something else",
            "it was left alone",
            "choose another name; `receipt show` gives the receipt again",
        ),
        (
            "Berkas sudah ada dengan isi lain",
            "dibiarkan apa adanya",
            "pilih nama lain; `receipt show` memberi tanda terima lagi",
        ),
    ),
    "FED-5106": entry(
        (
            "A receipt cannot be written here",
            "the submission stands; only the copy is missing",
            "choose another folder; `receipt show` gives it again",
        ),
        (
            "Tanda terima tidak dapat ditulis di sini",
            "penyampaian tetap sah; hanya salinannya tak ada",
            "pilih folder lain; `receipt show` memberikannya lagi",
        ),
    ),
    "FED-5107": entry(
        (
            "A receipt could not be stored",
            "the disk refused; the submission stands",
            "free disk space; `receipt show` gives it again",
        ),
        (
            "Tanda terima tidak dapat disimpan",
            "disk menolak; penyampaian tetap sah",
            "kosongkan disk; `receipt show` memberikannya lagi",
        ),
    ),
    "FED-5201": entry(
        (
            "The deadline has not passed",
            "before it nobody learns anything of the bids",
            "try again after the effective deadline",
        ),
        (
            "Batas akhir belum lewat",
            "sebelum itu tak seorang pun tahu isi penawaran",
            "coba lagi setelah batas akhir yang berlaku",
        ),
    ),
    "FED-5202": entry(
        (
            "The stage is held because of a disturbance",
            "bids stay sealed until the Pokja has decided",
            "the Pokja decides first: compensation decide",
        ),
        (
            "Tahap ditahan karena gangguan",
            "penawaran tetap tersegel sampai Pokja memutuskan",
            "Pokja memutuskan lebih dulu: compensation decide",
        ),
    ),
    "FED-5203": entry(
        (
            "The package was not opened",
            "there is no hand-over to confirm",
            "open it first, then confirm",
        ),
        (
            "Paket belum dibuka",
            "tidak ada serah-terima untuk dikonfirmasi",
            "buka dulu, lalu konfirmasi",
        ),
    ),
    "FED-5204": entry(
        (
            "The selection was cancelled",
            "its bids stay sealed for ever",
            "nothing to open; ask the Pokja",
        ),
        (
            "Pemilihan dibatalkan",
            "penawarannya tetap tersegel selamanya",
            "tidak ada yang dibuka; tanyakan Pokja",
        ),
    ),
    "FED-5205": entry(
        (
            "The number of submissions differs",
            "what was taken is not what was handed over",
            "take the hand-over again and compare",
        ),
        (
            "Jumlah penyampaian berbeda",
            "yang diterima bukan yang diserahkan",
            "ambil serah-terima lagi dan bandingkan",
        ),
    ),
    "FED-5206": entry(
        (
            "The target folder is not empty",
            "nothing in it was touched",
            "choose another folder; opening again is harmless",
        ),
        (
            "Folder tujuan tidak kosong",
            "isinya tidak disentuh",
            "pilih folder lain; membuka lagi tidak berbahaya",
        ),
    ),
    "FED-5207": entry(
        (
            "A sealed file of the package is missing or broken",
            "the manifest names it; all others were handed over",
            "restore it from the centre's copy, then open again",
        ),
        (
            "Berkas tersegel paket hilang atau rusak",
            "manifes menyebutnya; yang lain sudah diserahkan",
            "pulihkan dari salinan Pusat, lalu buka lagi",
        ),
    ),
    "FED-5208": entry(
        (
            "The hand-over broke off",
            "what was written is not complete",
            "open again into a new folder",
        ),
        (
            "Serah-terima terputus",
            "yang tertulis belum lengkap",
            "buka lagi ke folder baru",
        ),
    ),
    "FED-5209": entry(
        (
            "The folder cannot be written",
            "the hand-over is not complete",
            "choose a folder with room and rights; opening again is harmless",
        ),
        (
            "Folder tidak dapat ditulisi",
            "serah-terima belum lengkap",
            "pilih folder dengan ruang dan hak; membuka lagi tidak berbahaya",
        ),
    ),
    "FED-5210": entry(
        (
            "Who opens is named by half",
            "an officer opens with a name and a key",
            "give both --as and --key, or neither",
        ),
        (
            "Pembuka hanya disebut separuh",
            "petugas membuka dengan nama dan kunci",
            "beri --as dan --key, atau tidak keduanya",
        ),
    ),
}
